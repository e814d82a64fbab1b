// Streamlit shows an upload that the server refused by the answer's number: here is what it means.
if (!window.efficientnetRefusals) {
  window.efficientnetRefusals = true;
  const sentences = {
    408: "Nothing came for a minute; upload the file again.",
    413: "The file is larger than the server takes.",
    503: "Others are uploading much at the moment; try again in a minute.",
    507: "The server's disk is full; tell who runs it.",
  };
  const refused = /AxiosError: (?:Request failed with status code (\d+)|Network Error)/;
  const tell = () => {
    if (!document.querySelector("[data-testid=stFileChipIconError]")) return;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const found = node.data.match(refused);
      if (!found || node.parentElement.closest("script, style")) continue;
      const sentence = sentences[found[1]] ?? "The upload did not reach the server; try it again.";
      node.data = node.data.replace(refused, sentence);
    }
  };
  new MutationObserver(tell).observe(document.body, { childList: true, subtree: true });
}
