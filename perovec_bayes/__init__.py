"""perovec_bayes."""
