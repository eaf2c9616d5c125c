"""The stacks, in the order of their deployment: data, core, http-1 and on, api, flows."""

from infra.node import use_bundled_node

use_bundled_node()
