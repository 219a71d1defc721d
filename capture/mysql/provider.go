package mysql

import (
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// providerVariables are what providerOf looks at, besides those that begin with
// aad_auth: a list for SQL.
const providerVariables = `'aurora_version', 'basedir', 'version'`

// providerOf knows by whom a server is run by what only that one's servers have
// among their variables, whose names are in lower case. Plain is one that it does not
// know.
func providerOf(variables map[string]string) capture.Flavor {
	for name := range variables {
		if strings.HasPrefix(name, "aad_auth") {
			return capture.Azure
		}
	}
	switch {
	case variables["aurora_version"] != "":
		return capture.Aurora
	case strings.HasPrefix(variables["basedir"], "/rdsdbbin"):
		return capture.RDS
	case strings.Contains(variables["version"], "-google"):
		return capture.CloudSQL
	}
	return capture.Plain
}
