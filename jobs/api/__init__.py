"""The client's endpoints under `/api/v1/`."""
