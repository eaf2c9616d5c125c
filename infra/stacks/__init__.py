"""The four stacks: data, core, api, flows. Each depends on those before it and learns their names through SSM."""

from infra.node import use_bundled_node

use_bundled_node()
