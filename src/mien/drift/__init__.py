"""Whether faces are unlike those that a model was measured on: in their pictures, or in what they show."""

from mien.drift.comparison import Comparison as Comparison
from mien.drift.findings import Compared as Compared
from mien.drift.findings import Drift as Drift
from mien.drift.findings import Finding as Finding
from mien.drift.profile import Profile as Profile
from mien.drift.profile import Reference as Reference
from mien.drift.profile import parse_profile as parse_profile
