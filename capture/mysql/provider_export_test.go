package mysql

import "github.com/tailrace/tailrace/capture"

// ProviderOf is providerOf.
func ProviderOf(variables map[string]string) capture.Flavor { return providerOf(variables) }
