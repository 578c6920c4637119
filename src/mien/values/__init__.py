"""The values that flow from a picture to every output. Frozen, and checked once, when they are made."""

from mien.values.arrays import ByValue as ByValue
from mien.values.arrays import GreyFaces as GreyFaces
from mien.values.arrays import Image as Image
from mien.values.arrays import Landmarks as Landmarks
from mien.values.arrays import Scores as Scores
from mien.values.arrays import check_image as check_image
from mien.values.as_json import box_from_dict as box_from_dict
from mien.values.as_json import box_to_dict as box_to_dict
from mien.values.as_json import number as number
from mien.values.as_json import numbers as numbers
from mien.values.checks import checked_number as checked_number
from mien.values.checks import checked_threads as checked_threads
from mien.values.checks import parse_share as parse_share
from mien.values.faces import MEASURES as MEASURES
from mien.values.faces import Detection as Detection
from mien.values.faces import Evidence as Evidence
from mien.values.faces import Face as Face
from mien.values.faces import Measure as Measure
from mien.values.faces import Prediction as Prediction
from mien.values.faces import Quality as Quality
from mien.values.frames import Failure as Failure
from mien.values.frames import Frame as Frame
from mien.values.frames import FrameResult as FrameResult
from mien.values.frames import VideoInfo as VideoInfo
from mien.values.geometry import Box as Box
from mien.values.geometry import Crop as Crop
