"""Models that stages judge by: files of fastText and of n-grams, read and made. Nothing is downloaded."""
