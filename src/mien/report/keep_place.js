const place = "mien " + location.pathname;
addEventListener("beforeunload", () => sessionStorage.setItem(place, scrollY));
addEventListener("load", () => scrollTo(0, Number(sessionStorage.getItem(place) || 0)));
