from opportunities.models.assignments import Assignment
from opportunities.models.opportunities import Opportunity

__all__ = ["Assignment", "Opportunity"]
