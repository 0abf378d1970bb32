"use client";
import { useEffect } from "react";
import { run } from "../../page.js";
import { show } from "../../show.js";

export default function Page() {
  useEffect(() => show(run()), []);
  return <p>training …</p>;
}
