"""Public data sets staged for training: fetched, checked, unpacked, and brought to S3 and to the file system."""
