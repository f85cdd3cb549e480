"""The age v1 file format (https://age-encryption.org/v1): keys, headers, and payloads that are read and written in
order or from any place.
"""
