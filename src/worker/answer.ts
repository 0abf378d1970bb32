/** What is wrong with a server's answer for a file; undefined when nothing is. A server for pages with one address answers everything with its page. */
export function wrongAnswer(response: Response, wanted: RegExp): string | undefined {
  if (!response.ok) return `the server answers ${response.status}`;
  const type = response.headers.get("Content-Type") ?? "";
  return /html/.test(type) && !wanted.test(type) ? `the server answers with a page (${type})` : undefined;
}
