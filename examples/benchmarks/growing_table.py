"""A table in a CSV file that grows row by row and outlives a kill."""

import csv

from workers import as_they_come


class GrowingTable:
    """Rows in a CSV file, appended as they come; of rows with the same key the last counts.

    A process that is killed while it writes leaves at most an unfinished last line. It is cut off here.
    """

    def __init__(self, path, fields, key):
        self.path = path
        self.fields = fields
        self.key = key
        if path.exists():
            self._cut_unfinished_line()
        if not path.exists() or path.stat().st_size == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write([dict(zip(fields, fields, strict=True))])

    def rows(self):
        """Return the rows by key, all values as text."""
        with self.path.open(newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames) != self.fields:
                raise ValueError(f"{self.path} has the columns {reader.fieldnames}, not {list(self.fields)}.")
            return {tuple(row[name] for name in self.key): row for row in reader}

    def append(self, row):
        """Write one row through to the file."""
        self._write([row])

    def fill(self, calls, jobs, shown=None, backend="loky"):
        """Make delayed calls in processes of one thread; append the row, or the list of rows, of each as it comes.

        Every row is printed, or the line that `shown` makes of what a call returned.
        """
        for result in as_they_come(calls, backend, jobs):
            rows = [result] if isinstance(result, dict) else result
            for row in rows:
                self.append(row)
            lines = [shown(result)] if shown else [as_line(row) for row in rows]
            print(*lines, sep="\n", flush=True)

    def _write(self, rows):
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.fields).writerows(rows)

    def _cut_unfinished_line(self):
        text = self.path.read_bytes()
        end = text.rfind(b"\n") + 1
        if end < len(text):
            with self.path.open("r+b") as file:
                file.truncate(end)


def as_line(row):
    """Return a row as it is printed."""
    return "  ".join(f"{name}: {value}" for name, value in row.items())
