"""albench: reproducible benchmarks of pool-based active learning on tabular classification."""

__version__ = "0.1.0"
