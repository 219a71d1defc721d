package config

// Planned returns the keys of the file that later versions will have. They are
// refused with a sentence of their own, so that nobody looks for a spelling
// mistake.
func Planned() []string {
	return []string{
		"admin",
	}
}

// plannedVariables are the environment variables that go with them.
func plannedVariables() []string {
	return []string{"TAILRACE_ADMIN"}
}

const notYet = "this version does not have it yet"
