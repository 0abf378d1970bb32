/** What WebGPU computes on here. */
export async function adapter() {
  const found = await navigator.gpu?.requestAdapter();
  if (!found) return { adapter: "none" };
  const { vendor, architecture, device, description } = found.info;
  return { adapter: [vendor, architecture, device, description].filter(Boolean).join(" ") };
}
