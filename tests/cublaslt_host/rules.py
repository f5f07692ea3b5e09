"""What cuBLASLt's documentation and nvmath-python ask of a product and its epilogue."""

import enum
from dataclasses import dataclass

import numpy as np

Operation = enum.IntEnum("Operation", {"N": 0, "T": 1})
ComputeType = enum.IntEnum("ComputeType", {"COMPUTE_32F": 68, "COMPUTE_32F_FAST_TF32": 77})
Epilogue = enum.IntEnum(
    "Epilogue",
    {
        "DEFAULT": 1, "BIAS": 4, "RELU_AUX_BIAS": 134, "DRELU_BGRAD": 152, "BGRADA": 256,
        "BGRADB": 512,
    },
)  # fmt: skip
MatmulDescAttribute = enum.IntEnum(
    "MatmulDescAttribute",
    {
        "TRANSA": 3, "TRANSB": 4, "EPILOGUE": 7, "BIAS_POINTER": 8, "EPILOGUE_AUX_POINTER": 11,
        "EPILOGUE_AUX_LD": 12,
    },
)  # fmt: skip
MatmulPreferenceAttribute = enum.IntEnum(
    "MatmulPreferenceAttribute",
    {"MAX_WORKSPACE_BYTES": 1, **{f"MIN_ALIGNMENT_{m}_BYTES": 5 + i for i, m in enumerate("ABCD")}},
)
TYPES = {"TRANSA": "i4", "TRANSB": "i4", "EPILOGUE": "u4", "MAX_WORKSPACE_BYTES": "u8"}
RESULT = np.dtype(
    [
        ("algo", [("data_", "<u8", (8,))]), ("workspace_size", "<u8"), ("state", "<i4"),
        ("waves_count", "<f4"), ("reserved", "<i4", (4,)),
    ]
)  # fmt: skip


class cuBLASLtError(Exception):
    """CUBLAS_STATUS_NOT_SUPPORTED or INVALID_VALUE, with the reason that cuBLASLt does not give."""


def require(held: bool, reason: str) -> None:
    """Refuse a call where something does not hold."""
    if not held:
        raise cuBLASLtError(reason)


@dataclass(frozen=True)
class Layout:
    """A matrix in column order."""

    rows: int
    columns: int
    ld: int

    def of(self, flat: np.ndarray) -> np.ndarray:
        """View of the matrix in memory."""
        strides = (flat.itemsize, flat.itemsize * self.ld)
        return np.lib.stride_tricks.as_strided(flat, (self.rows, self.columns), strides)

    @property
    def size(self) -> int:
        return self.ld * (self.columns - 1) + self.rows


def check(attributes: dict[str, int], a: Layout, b: Layout, d: Layout) -> None:
    """What cuBLASLt asks of a product and its epilogue."""
    name = Epilogue(attributes["EPILOGUE"]).name
    m, k = (a.columns, a.rows) if attributes["TRANSA"] else (a.rows, a.columns)
    k_of_b, n = (b.columns, b.rows) if attributes["TRANSB"] else (b.rows, b.columns)
    require((m, n, k) == (d.rows, d.columns, k_of_b), "factors and result do not fit")
    require(k > 1 or "GRAD" not in name, f"K=1 is not supported for {name}")
    require(name != "BGRADA" or not attributes["TRANSA"], "BGRADA sums rows of A as it lies")
    require(name != "BGRADB" or bool(attributes["TRANSB"]), "BGRADB needs B transposed")
    require(name == "DEFAULT" or "BIAS_POINTER" in attributes, f"{name} without a vector")
    if "RELU" in name:
        ld = attributes.get("EPILOGUE_AUX_LD", 0)
        require(ld % 128 == 0 and ld >= m, f"a mask in columns of {ld} bits for {m} rows")
        require(attributes.get("EPILOGUE_AUX_POINTER", 1) % 16 == 0, "a mask off 16 bytes")
