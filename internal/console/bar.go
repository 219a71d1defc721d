package console

import (
	"io"
	"strings"

	"github.com/schollz/progressbar/v3"
)

// barWidth is the columns of a bar itself.
const barWidth = 16

// Bar draws how much of all is done, with the percentage behind it; one that is not
// known is empty and has none. It is for the status line of a Screen.
func Bar(done, all int64) string {
	if all <= 0 {
		return strings.Repeat("░", barWidth)
	}
	bar := progressbar.NewOptions64(all,
		progressbar.OptionSetWriter(io.Discard), // the Screen writes it, so that no line of the log tears it
		progressbar.OptionSetWidth(barWidth),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░"}),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
	)
	// An estimate may be less than what there is. Nothing fails that writes nowhere.
	_ = bar.Set64(min(max(done, 0), all))
	_ = bar.RenderBlank()
	text := strings.TrimSpace(strings.Trim(bar.String(), "\r\n"))
	percent, drawn, _ := strings.Cut(text, "%")
	return strings.TrimSpace(drawn) + " " + strings.TrimSpace(percent) + "%"
}
