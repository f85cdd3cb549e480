"""From a proposal over its approval to a certificate; erasure requests; nothing is destroyed by any other way."""
