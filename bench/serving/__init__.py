"""Requests per second of the production configuration and of other servers; see bench/serve.py."""
