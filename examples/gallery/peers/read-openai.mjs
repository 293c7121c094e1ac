// Asks a chat API with the official `openai` package and prints the choices of each chunk as it comes.
import OpenAI from "openai";

const { url, question } = JSON.parse(process.argv[2]);
const client = new OpenAI({ apiKey: process.env.OPENAI_API_KEY ?? "none", baseURL: url, maxRetries: 0 });
try {
  const messages = [{ role: "user", content: question }];
  const chunks = await client.chat.completions.create({ model: "gallery", messages, stream: true });
  for await (const chunk of chunks) {
    console.log(JSON.stringify({ choices: chunk.choices.map((choice) => choice.delta.content ?? null) }));
  }
} catch (error) {
  console.log(JSON.stringify({ error: error.message, status: error.status ?? null }));
}
