"""How passwords are kept in the demonstration."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class DemonstrationHasher(PBKDF2PasswordHasher):
    """Demonstration passwords are public; elsewhere nobody knows this algorithm, so they open nothing.

    That holds even for a copy of the demonstration's database that DATABASE_URL points to.
    """

    algorithm = "demonstration"
    iterations = 20_000
