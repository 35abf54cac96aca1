"""What becomes of a dial: of its job, of the account's money, in the CRM."""
