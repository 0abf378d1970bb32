import { type Block, heading, list, tableBlock, tableOf, text } from "../../report/document.ts";
import { escapeHtml, headOf, htmlOf } from "../../report/html.ts";
import { style } from "../../report/style.ts";
import type { SweepStatus } from "./status.node.ts";

/** Seconds after which a browser reads the page again. */
const renewed = 5;

/** A page that says where a sweep is, and renews itself while it is open. */
export function statusPage(status: SweepStatus, now: string): string {
  const { file, finished, count } = status;
  const title = `Sweep ${file.name}: ${finished} of ${count} SAEs`;
  const refresh = finished < count ? `<meta http-equiv="refresh" content="${renewed}">` : "";
  return `${headOf(title, style).replace("</head>", `${refresh}</head>`)}
<body>
<h1>${escapeHtml(title)}</h1>
<p><progress value="${finished}" max="${count}" style="width: 100%"></progress></p>
${htmlOf(statusBlocks(status, now), () => "")}
</body>
</html>
`;
}

/** What a status says: who is at it, what is in training, and each group. */
export function statusBlocks({ groups, processes, finished, count }: SweepStatus, now: string): Block[] {
  const working = processes.filter(({ there }) => there);
  const training = working.flatMap((one) => one.training);
  const failed = processes.flatMap((one) => one.failed);
  const gone = processes.length - working.length;
  return [
    text(
      `${finished} of ${count} SAEs are complete, by the seals beside their files; ${working.length} ${working.length === 1 ? "process is" : "processes are"} at it. As of ${now}.`,
    ),
    ...(gone > 0 ? [text(`${gone} ended early; the same command goes on from what they saved.`)] : []),
    ...(failed.length > 0 ? [heading("Not trained"), list(failed)] : []),
    ...(working.length > 0
      ? [
          heading("Processes"),
          tableBlock(
            "",
            tableOf(
              ["Host", ">Process", "Part", ">Finished", ">Of its work", "Since"],
              working.map((one) => [
                ...[one.host, String(one.pid), one.shard ?? "all", `${one.finished} of ${one.count}`],
                ...[`${(100 * one.done).toFixed(1)} %`, one.started],
              ]),
            ),
          ),
        ]
      : []),
    ...(training.length > 0
      ? [
          heading("In training"),
          tableBlock(
            "",
            tableOf(
              ["SAE", ">Epoch", ">Loss"],
              training.map(({ name, epochs_done, epochs, loss }) => [
                ...[name, `${Number(epochs_done.toFixed(1))}/${epochs}`, loss?.toPrecision(4) ?? "-"],
              ]),
            ),
          ),
        ]
      : []),
    heading("Groups"),
    tableBlock(
      "",
      tableOf(
        ["Group", ">Finished"],
        groups.map((one) => [one.name, `${one.finished} of ${one.count}`]),
      ),
    ),
  ];
}
