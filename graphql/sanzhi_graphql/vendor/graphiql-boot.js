"use strict";

(function () {
  const root = document.getElementById("graphiql");
  const welcome = [
    "# 三治 Sanzhi GraphQL",
    "#",
    "# 在下方“Headers”中填写令牌",
    "# put your token into \"Headers\" below:",
    "#   { \"Authorization\": \"Bearer …\" }",
    "# 运行 run: Ctrl-Enter",
    "# 补全 complete: Ctrl-Space",
    "",
    "{",
    "  __typename",
    "}",
    "",
  ].join("\n");

  // GraphiQL's history keeps the headers of each query even where headers are not to be persisted, and a token
  // must not outlive the page: every value goes to local storage without its headers.
  function withoutHeaders(value) {
    try {
      return JSON.stringify(JSON.parse(value, (key, part) => (key === "headers" ? null : part)));
    } catch {
      return value;
    }
  }
  const storage = {
    getItem: (key) => localStorage.getItem(key),
    setItem(key, value) {
      if (!key.endsWith("headers")) localStorage.setItem(key, withoutHeaders(value));
    },
    removeItem: (key) => localStorage.removeItem(key),
    clear: () => localStorage.clear(),
    get length() {
      return localStorage.length;
    },
  };

  ReactDOM.createRoot(root).render(
    React.createElement(GraphiQL, {
      fetcher: GraphiQL.createFetcher({ url: root.dataset.endpoint }),
      defaultQuery: welcome,
      defaultEditorToolsVisibility: "headers",
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false,
      storage,
    })
  );
})();
