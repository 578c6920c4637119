/** Elements of the page. */

export const byId = <Kind extends HTMLElement = HTMLElement>(id: string): Kind => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as Kind;
};

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name, classes = "", ...content: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.append(...content);
  return made;
}
