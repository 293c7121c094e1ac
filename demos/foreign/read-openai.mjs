// Asks a chat API with the official `openai` package and prints the text of the first choice as it comes.
import OpenAI from "openai";

const { url, model, question } = JSON.parse(process.argv[2]);
const client = new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 });
try {
  const messages = [{ role: "user", content: question }];
  const chunks = await client.chat.completions.create({ model, messages, stream: true });
  for await (const { choices } of chunks) {
    const text = choices.find(({ index }) => index === 0)?.delta.content;
    if (text) console.log(JSON.stringify({ text }));
  }
} catch (error) {
  console.log(JSON.stringify({ error: String(error), status: error.status ?? null }));
}
