// Package dashboard is the page on which owners watch their campaigns. It owns the page's
// files: plain ES modules and one style sheet, embedded and served as they are. Nothing is
// built, and nothing is loaded from elsewhere.
//
// Invariants:
//
//   - The page holds no figures. It reads the API with the viewer's token and shows the
//     responses, so the page itself is public.
//   - Its policy lets it load and run its own files and connect to its own server only: no
//     inline script or style, no frame, and no text is parsed as markup (trusted types).
//   - A view is called live only while the server says so and it is painted; one that could
//     not be painted is reported and never acknowledged as seen.
//   - A file's address changes with the content of the files, so browsers cache files
//     for ever and never mix those of two versions.
//
// Failures: [New] fails where the embedded files lack the page. Serving cannot fail.
package dashboard
