// The page's host of a widget: a model of plain values, and anywidget's render({ model, el }).
(() => {
  "use strict";

  function makeModel(state) {
    const listeners = new Map();
    const emit = (name, ...rest) => listeners.get(name)?.forEach((call) => call(...rest));
    const model = {
      get: (key) => state[key],
      set(key, value) {
        if (typeof key === "object") return Object.entries(key).forEach((e) => model.set(...e));
        if (state[key] === value) return;
        state[key] = value;
        emit(`change:${key}`, model, value);
        emit("change", model);
      },
      on(names, call) {
        for (const name of names.split(" ")) {
          if (!listeners.has(name)) listeners.set(name, new Set());
          listeners.get(name).add(call);
        }
      },
      off(names, call) {
        for (const name of names?.split(" ") ?? listeners.keys()) {
          call ? listeners.get(name)?.delete(call) : listeners.delete(name);
        }
      },
      save_changes() {}, // there is no kernel to tell
      send() {},
    };
    return model;
  }

  class EquivarWidget extends HTMLElement {
    #started = false;

    async connectedCallback() {
      if (this.#started) return; // moved in the document, not made anew
      this.#started = true;
      const fallback = this.querySelector(".widget-fallback");
      const el = document.createElement("div");
      // A Blob is a module of this page's own, so the page also works when opened from a folder.
      let url;
      try {
        const { esm, css, state } = JSON.parse(this.querySelector("script").textContent);
        url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
        const module = await import(url);
        const widget = typeof module.default === "function" ? await module.default() : module.default;
        const style = document.createElement("style");
        style.textContent = css;
        this.append(style, el);
        const model = makeModel(state);
        await widget.initialize?.({ model });
        await widget.render({ model, el });
        fallback.remove();
        this.dataset.state = "ready";
      } catch (error) {
        el.remove();
        const note = document.createElement("p");
        note.className = "widget-note";
        note.textContent = "The interactive figure did not start; this is its picture.";
        this.append(note);
        this.dataset.state = "failed";
        console.error(error);
      } finally {
        URL.revokeObjectURL(url);
      }
    }
  }

  customElements.define("equivar-widget", EquivarWidget);
})();
