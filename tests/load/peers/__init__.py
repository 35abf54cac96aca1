"""What others send webhooks with, each as small as its documentation allows. Run by tests/load/webhooks.py."""
