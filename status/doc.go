// Package status tells what a running daemon does: to people (/status), to
// orchestrators (/livez, /readyz), to Prometheus (/metrics, docs/metrics.md), and to
// CloudWatch (lines of EMF).
//
// Everything it says about one moment comes from one view, so that the pages
// never disagree. It looks and changes nothing; no failure of its own ends a
// pipeline.
package status
