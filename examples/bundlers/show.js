/** Shows a result, or what went wrong, as the page's text and title. */
export function show(result) {
  result.then(
    (text) => set(text),
    (error) => set(JSON.stringify({ error: `${error.name}: ${error.message}` })),
  );
}

function set(text) {
  document.body.textContent = text;
  document.title = text;
}
