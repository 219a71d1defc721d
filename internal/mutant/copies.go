package mutant

// Copies are the rules without which a copy ends with an older value (C5), by a short name.
var Copies = map[string]Mutant{
	"no-visibility": {
		"views need not show what was delivered", "snapshot/boundary.go",
		"return capture.Delivered{Position: j.place.position, Txns: slices.Clone(j.settle.txns)}", "return capture.Delivered{}",
	},
	"no-partial": {
		"an event without all columns counts as one with them", "snapshot/touches.go",
		"\t\t\treturn readAgain\n", "\t\t\treturn dropRow\n",
	},
	"no-tracking": {
		"no key is noted", "snapshot/observe.go",
		"if len(j.ledger.active) == 0 {", "if true {",
	},
}
