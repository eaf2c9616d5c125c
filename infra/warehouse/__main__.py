"""Tables and views for DuckDB: `python -m infra.warehouse s3://BUCKET > warehouse.sql`, or over a folder."""

from __future__ import annotations

import argparse

from infra.warehouse import duckdb_script


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(prog="python -m infra.warehouse", description=__doc__)
    parser.add_argument("where", help="the bucket of exports, or a folder with a copy of it")
    print(duckdb_script(parser.parse_args().where.rstrip("/")), end="")


if __name__ == "__main__":
    main()
