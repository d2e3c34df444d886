// Package dashboard is the page on which owners watch their campaigns: plain ES
// modules, one style sheet and uPlot (vendored from its npm package, MIT, licence
// beside it), embedded and served as they are. Nothing has to be built and nothing
// comes from elsewhere.
//
// What holds:
//
//   - The page holds no number. It reads the API, as whoever has the token, and shows
//     what it is told; what it shows is no secret to anybody who may load it.
//   - Its policy lets it load and run its own files and talk to its own server, and
//     nothing else: no inline script or style, no frame, and no text is ever read as
//     markup (trusted types).
//   - Files are named by what they hold, so browsers keep them for good and never mix
//     those of two versions.
//
// It fails at start only, where a file that it names is not embedded.
package dashboard
