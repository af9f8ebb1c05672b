"""The halls: barriers see all documents. One barrier a file."""
