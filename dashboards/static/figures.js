// Draws the figures that the page carries as JSON. Colours are names of custom properties, so that
// figures follow the reader's colour scheme.
(() => {
  "use strict";
  function colour(token, style) {
    const [name, alpha] = token.slice(1).split("/");
    const hex = style.getPropertyValue("--" + name).trim();
    if (!alpha || !/^#[0-9a-f]{6}$/i.test(hex)) return hex;
    const channels = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${channels.join(",")},${alpha})`;
  }

  function resolved(value, style) {
    if (typeof value === "string") return /^@[a-z][a-z0-9-]*(\/[0-9.]+)?$/.test(value) ? colour(value, style) : value;
    if (Array.isArray(value)) return value.map((one) => resolved(one, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolved(one, style)]));
    }
    return value;
  }

  function draw({ place, figure }) {
    const style = getComputedStyle(document.documentElement);
    const narrow = place.clientWidth < 520;
    const layout = resolved(figure.layout, style);
    if (narrow) layout.font.size = 11;
    return Plotly.react(place, resolved(figure.data, style), layout, { displayModeBar: false, responsive: true });
  }

  function follow(place, link) {
    place.on("plotly_click", (event) => {
      const row = event.points.find((point) => typeof point.y === "string");
      const segment = new URLSearchParams(window.location.search).get("segment");
      const kept = segment ? `?${new URLSearchParams({ segment })}` : "";
      if (row) window.location.assign(link + encodeURIComponent(row.y.split(" · ")[0]) + kept);
    });
    place.classList.add("leads");
  }

  function begin(one) {
    if (one.begun) return;
    one.begun = true;
    one.place.textContent = "";
    draw(one).then(() => {
      if (one.figure.link) follow(one.place, one.figure.link);
      one.place.dataset.drawn = "true";
    });
  }

  const figures = new Map();
  for (const source of document.querySelectorAll("script[data-for]")) {
    const place = document.getElementById(source.dataset.for);
    figures.set(place, { place, figure: JSON.parse(source.textContent), begun: false });
  }

  // A figure is drawn when it comes near; all of them before the page is printed.
  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => begin(figures.get(entry.target))),
    { rootMargin: "500px" },
  );
  figures.forEach((_, place) => near.observe(place));
  window.addEventListener("beforeprint", () => figures.forEach(begin));

  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", () => figures.forEach((one) => one.begun && draw(one)));
})();
