// Package arch holds the tests that keep the repository's shape: imports point
// one way, pure packages stay pure, and files stay short.
package arch
