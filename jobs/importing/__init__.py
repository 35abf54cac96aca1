"""A file of people becomes the jobs of a campaign."""
