"""One trial: task, query, learner, oracle, loop."""
