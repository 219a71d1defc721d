// Package siege lets the daemon copy tables that package walk changes, kills it again
// and again, and has package oracle judge what a consumer got.
package siege
