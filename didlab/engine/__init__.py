"""The machinery that judges statements; it knows no paper."""
