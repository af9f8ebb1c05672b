"""The pages of the desk, one a file: `data` says what is on it (and is its JSON twin), `body` draws that, `post` takes what people say."""
