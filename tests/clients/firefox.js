// SPDX-License-Identifier: BSD-2-Clause
// Firefox, spoken to by puppeteer-core over its BiDi port: loads a page, looks at the page of the
// security devices, and quits. Writes a line for each thing that it saw.
//
//   node firefox.js FIREFOX URL SCREENSHOT
'use strict';
const fs = require('fs');
const puppeteer = require(`${process.env.KCRYPTOKI_NODE_MODULES}/puppeteer-core`);
const [firefox, url, screenshot] = process.argv.slice(2);
const patience = 300000;

// Which of this user's processes have the module mapped.
function holders() {
  return fs.readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/maps`, 'utf8').includes('/kcryptoki.so');
    } catch {
      return false;
    }
  });
}

// The page's tree has the modules and their slots; the one that is selected, its details beside it.
// Words of the page's own language go by their names.
async function devices() {
  const { view, columns } = document.getElementById('device_tree');
  const shown = (cell) => cell.dataset.l10nId || cell.getAttribute('label');
  const rows = [];
  for (let row = 0; row < view.rowCount; row++)
    if (view.isContainer(row) && !view.isContainerOpen(row))
      view.toggleOpenState(row);
  for (let row = 0; row < view.rowCount; row++) {
    view.selection.select(row);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const details = [...document.querySelectorAll('#info_list treerow')]
      .map((line) => [...line.children].map(shown).join('='));
    rows.push([view.getCellText(row, columns[0]), ...details].join('; '));
  }
  return rows;
}

async function main() {
  const began = process.hrtime.bigint();
  const browser = await puppeteer.launch({
    browser: 'firefox', executablePath: firefox, headless: true, timeout: patience,
    protocolTimeout: patience, args: ['--remote-allow-system-access'],
  });
  const ended = new Promise((resolve) => {
    browser.process().on('exit', (code, signal) => resolve(signal || code));
  });
  console.log(`version: ${await browser.version()}`);
  const [page] = await browser.pages();
  await page.goto(url, { timeout: patience });
  console.log(`title: ${await page.title()}`);
  console.log(`text: ${await page.evaluate(() => document.body.textContent.trim())}`);
  console.log(`milliseconds: ${(process.hrtime.bigint() - began) / 1000000n}`);
  // No event says that such a page is there.
  await page.goto('chrome://pippki/content/device_manager.xhtml', { timeout: 1000 })
    .catch(() => {});
  await page.waitForFunction(() => document.getElementById('device_tree')?.view?.rowCount,
    { timeout: patience });
  for (const row of await page.evaluate(devices))
    console.log(`device: ${row}`);
  await page.screenshot({ path: screenshot });
  console.log(`processes with the module: ${holders().length}`);
  // As a user would; puppeteer's own way ends in SIGKILL where Firefox takes more than a moment.
  await page.evaluate(() => Services.startup.quit(Services.startup.eAttemptQuit)).catch(() => {});
  console.log(`ended: ${await ended}`);
}

main().catch((error) => {
  console.log(`failed: ${error.stack}`);
  process.exit(1);
});
