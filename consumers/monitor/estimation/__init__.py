"""Quality before labels are there: an estimate from calibrated scores, judged once they are."""
