"""The four stacks: data, core, api, flows. Each depends on those before it and learns their names through SSM."""
