"""The constructs, one a file. Importing any of them starts Node."""

from infra.node import use_bundled_node

use_bundled_node()
