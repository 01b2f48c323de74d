package record

// Score is one number of a result in long form: a dimension of a model
// (Part "") or one of its parts.
type Score struct {
	Model     string
	Dimension string
	Part      string  // "" is the dimension itself
	Value     float64 // never NaN or infinite
	N         int64   // how many samples it was made from
	// Partial marks a dimension that lacks some of its parts.
	Partial bool
	// Note is a caveat that must be shown with the number, "" when none.
	Note string
}
