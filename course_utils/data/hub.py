"""The Hugging Face Hub, at a pinned revision."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from course_utils.data import sums
from course_utils.data.catalogue import HubFile, Spec
from course_utils.data.records import Batch
from course_utils.errors import CourseError

TIMEOUT = 5  # seconds for the Hub's first answer; after that huggingface_hub retries and resumes by itself


class Hub:
    """A data set on the Hub. Files that were fetched once stay in the cache of huggingface_hub."""

    is_sample = False

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.place = f"Hugging Face Hub, {spec.repository}"
        self.version = f"{spec.repository}@{spec.revision}"
        self.line = f"{self.place} at revision {spec.revision[:7]}"

    def is_here(self) -> bool:
        """Whether the decoded data set or all its files are on this machine already."""
        from course_utils.data import cache

        return cache.cached(self.spec, self) is not None or self.is_fetched()

    def is_fetched(self) -> bool:
        """Whether all files are in the cache of huggingface_hub."""
        return all(self._fetched(file) for files in self.spec.files.values() for file in files)

    def is_reachable(self) -> bool:
        """Whether the Hub answers, within seconds."""
        return self._unreachable() is None

    def files(self, split: str) -> list[Path]:
        """The parquet files of a split, downloaded where they are not here yet, their checksums verified.

        Raises CourseError without network, if a transfer fails, or if a file is not the pinned one.
        """
        files = self.spec.files[split]
        if not all(map(self._fetched, files)) and (why := self._unreachable()):
            from course_utils.data.sources import WAYS

            raise CourseError(f"{self.spec.title} is not on this machine, and {why}: {WAYS}.")
        return [self._fetch(file) for file in files]

    def rows(self, split: str) -> int:
        return sum(self.spec.class_counts[split])

    def batches(self, split: str) -> Iterator[Batch]:
        from course_utils.data import records

        seen = np.zeros(len(self.spec.class_names), int)
        for batch in records.read(self.files(split), self.spec):
            seen += np.bincount(batch.labels, minlength=len(seen))
            yield batch
        if tuple(seen) != self.spec.class_counts[split]:
            raise CourseError(
                f"{self.line}: {split} has {', '.join(map(str, seen))} images per class instead of "
                f"{', '.join(map(str, self.spec.class_counts[split]))}: update the course, or use `course data import`."
            )

    def _fetched(self, file: HubFile) -> Path | None:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(
            self.spec.repository, file.path, revision=self.spec.revision, repo_type="dataset"
        )
        return Path(found) if isinstance(found, str) and Path(found).is_file() else None

    def _unreachable(self) -> str | None:
        # One request without retries: hf_hub_download tries for 23 s before it says that there is no network.
        from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

        if constants.HF_HUB_OFFLINE:
            return "HF_HUB_OFFLINE forbids to download it"
        file = self.spec.files["test"][0]
        url = hf_hub_url(self.spec.repository, file.path, repo_type="dataset", revision=self.spec.revision)
        try:
            get_hf_file_metadata(url, timeout=TIMEOUT)
        except Exception as error:  # huggingface_hub changed its HTTP library, and so the errors, more than once
            return f"the Hugging Face Hub cannot be reached ({_first_line(error)})"
        return None

    def _fetch(self, file: HubFile) -> Path:
        from huggingface_hub import hf_hub_download

        path = self._fetched(file)
        if path is None:
            print(f"Fetching {file.path} of {self.spec.repository} from the Hugging Face Hub.", flush=True)
            try:
                path = Path(
                    hf_hub_download(self.spec.repository, file.path, repo_type="dataset", revision=self.spec.revision)
                )
            except Exception as error:  # as above, and errors of the Xet transfer
                raise CourseError(
                    f"{file.path} of {self.spec.repository} could not be downloaded ({_first_line(error)}): "
                    "try again; what has arrived whole is kept."
                ) from error
        # The file in the cache is named by the Hub's own checksum, which serves where none is pinned.
        blob = path.resolve()
        wanted = file.sha256 or (blob.name if len(blob.name) == 64 else None)
        if wanted and sums.sha256(blob) != wanted:
            blob.unlink()
            path.unlink(missing_ok=True)
            raise CourseError(
                f"{file.path} of {self.spec.repository} came with a wrong checksum and was removed: try again."
            )
        return path


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")
