// The interface's description as a page: one entry an operation, made from /openapi.json.
import { all, element, json, one, write } from "./common.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** What a `$ref` stands for; anything else is itself. */
function resolved(part, document) {
  if (!part?.$ref) return part;
  return part.$ref.replace("#/", "").split("/").reduce((at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], document);
}

/** In few words, the name of what is referred to instead of all that it holds. */
function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.type === "array") return `list of ${typeOf(schema.items) || "anything"}`;
  return [schema.type].flat().filter(Boolean).join(" or ");
}

function table(list) {
  const rows = list.map(({ name, in: place, required, description, schema }) => element("tr", {},
    element("th", { scope: "row" }, element("code", { text: name })),
    element("td", { className: "quiet", text: [place, required && "needed"].filter(Boolean).join(", ") }),
    element("td", { text: [typeOf(schema), "default" in schema && `by default ${schema.default}`].filter(Boolean).join(", ") }),
    element("td", { text: description ?? "" })));
  return element("div", { className: "scroll" }, element("table", { className: "states" }, element("tbody", {}, ...rows)));
}

const parameters = (list) => (list.length === 0 ? [] : [element("h3", { text: "Parameters" }), table(list)]);

/** The fields of a form: its other types have a schema with a name of its own, or none. */
function fields(type, { properties = {}, required = [] } = {}) {
  if (!type.startsWith("multipart/") && !type.endsWith("urlencoded")) return [];
  return [table(Object.entries(properties).map(([name, schema]) => ({ name, schema, description: schema.description, required: required.includes(name) })))];
}

function body(request, document) {
  if (!request) return [];
  const items = Object.entries(request.content ?? {}).map(([type, { schema }]) => element("li", {},
    element("code", { text: type }), ` ${typeOf(schema)}`, ...fields(type, resolved(schema, document))));
  return [element("h3", { text: "Body" }), ...(request.description ? [element("p", { text: request.description })] : []), element("ul", {}, ...items)];
}

function responses(found, document) {
  const rows = Object.entries(found).map(([status, part]) => {
    const response = resolved(part, document) ?? {};
    const types = Object.entries(response.content ?? {}).map(([type, { schema }]) => `${type} ${typeOf(schema)}`.trim());
    return element("tr", {}, element("th", { scope: "row", text: status }), element("td", { text: response.description ?? "" }),
      element("td", { className: "quiet", text: types.join(", ") }));
  });
  return [element("h3", { text: "Answers" }), element("div", { className: "scroll" }, element("table", { className: "states" }, element("tbody", {}, ...rows)))];
}

function operation(path, method, item, document) {
  const { summary, description, operationId } = item[method];
  const role = item[method]["x-lachesis-role"];
  const given = [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map((part) => resolved(part, document));
  return element("details", { className: "card operation", id: operationId },
    element("summary", {}, element("span", { className: "chip", text: method.toUpperCase() }), " ", element("code", { text: path }), " ",
      element("span", { text: summary ?? "" }), " ", element("span", { className: "quiet", text: role ? `role ${role}` : "open to all" })),
    ...(description ? [element("p", { text: description })] : []),
    ...parameters(given), ...body(resolved(item[method].requestBody, document), document), ...responses(item[method].responses ?? {}, document));
}

async function show() {
  const document = await json("/openapi.json");
  write(one("#about"), `${document.info.title} ${document.info.version}`);
  const groups = new Map();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const tag = item[method].tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(path, method, item, document));
    }
  }
  const about = new Map((document.tags ?? []).map(({ name, description }) => [name, description]));
  one("#operations").replaceChildren(...[...groups].map(([tag, operations]) => element("section", { "aria-label": tag },
    element("h2", { className: "tag", text: tag }), ...(about.get(tag) ? [element("p", { className: "quiet", text: about.get(tag) })] : []), ...operations)));
  if (location.hash) all("details").find(({ id }) => `#${id}` === location.hash)?.setAttribute("open", "");
}

one("#search").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const entry of all(".operation")) entry.hidden = !words.every((word) => one("summary", entry).textContent.toLowerCase().includes(word));
  for (const section of all("#operations section")) section.hidden = all(".operation", section).every(({ hidden }) => hidden);
});

show().catch((error) => {
  one("#problem").hidden = false;
  write(one("#problem"), error.message);
});
